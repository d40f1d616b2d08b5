import { StrataError } from '../../shared/errors.ts';

/** A document that a model cannot be trained on, while others of its dataset may well be: who has many leaves it out and says so. */
export class UnusableDocument extends StrataError {}
