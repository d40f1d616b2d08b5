import { Option } from 'commander';
import { DEFAULT_RENDERING, renderingSchema } from '../../shared/domain/rendering.ts';

/** Options of the commands that write documents for a model: the words of renderingSchema. */
export function renderingOptions(): [Option, Option] {
  const { completions, learn } = renderingSchema.shape;
  return [
    new Option('--completions <how>', 'how prompts and completions are written')
      .choices(completions.unwrap().options)
      .default(DEFAULT_RENDERING.completions),
    new Option('--learn <what>', 'what is learned of prompts and conversations')
      .choices(learn.unwrap().options)
      .default(DEFAULT_RENDERING.learn),
  ];
}
