import { z } from 'zod';

/** How a dataset's documents become the tokens that a model trains on. */
export const renderingSchema = z.object({
  /**
   * How a prompt and its completion are written: `plain` puts one after the other, as a base model continues a text; `chat` makes them a user's
   * and an assistant's message in the model's own chat template.
   */
  completions: z.enum(['plain', 'chat']).default('plain'),
  /** What is learned of prompts with completions and of conversations: the answers alone, or all of it. */
  learn: z.enum(['answers', 'all']).default('answers'),
});
export type Rendering = z.infer<typeof renderingSchema>;

export const DEFAULT_RENDERING: Rendering = renderingSchema.parse({});

/** A token of a document as a screen shows it. */
export const tokenPieceSchema = z.object({
  id: z.int(),
  /** Its part of the text; empty for a token that only together with the next ones makes a character. */
  text: z.string(),
  /** Whether it is a special token, such as the end of a message. */
  special: z.boolean(),
  learned: z.boolean(),
});
export type TokenPiece = z.infer<typeof tokenPieceSchema>;
