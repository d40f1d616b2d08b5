import { z } from 'zod';

/**
 * What a document says, in the form that its file had: a text, a prompt with its completion, a conversation, or a question with choices. How a
 * model reads it (its own chat template, which tokens are learned) is decided when it is tokenised for that model.
 */
export const CHAT_ROLES = ['system', 'user', 'assistant', 'tool'] as const;
export const chatMessageSchema = z.object({ role: z.enum(CHAT_ROLES), content: z.string() });
export type ChatMessage = z.infer<typeof chatMessageSchema>;

export const contentSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), text: z.string() }),
  /** Only the completion is learned, unless the user wants all. */
  z.object({ kind: z.literal('completion'), prompt: z.string(), completion: z.string() }),
  /** Only what the assistant says is learned, unless the user wants all. */
  z.object({ kind: z.literal('chat'), messages: z.array(chatMessageSchema).min(1) }),
  /** For evaluation: the right answer is the index of a choice. */
  z.object({ kind: z.literal('choice'), question: z.string(), choices: z.array(z.string()).min(2), answer: z.int().min(0) }),
]);
export type Content = z.infer<typeof contentSchema>;
export type ContentKind = Content['kind'];

export const CONTENT_KINDS = ['text', 'completion', 'chat', 'choice'] as const satisfies ContentKind[];
/** How many documents there are of each kind; kinds that do not occur may be absent. */
export const contentKindsSchema = z.partialRecord(z.enum(CONTENT_KINDS), z.int());
export type ContentKinds = z.infer<typeof contentKindsSchema>;

/** Everything that a document says as one text: what is searched, hashed, compared and counted. */
export function plainTextOf(content: Content): string {
  switch (content.kind) {
    case 'text':
      return content.text;
    case 'completion':
      return `${content.prompt}\n\n${content.completion}`;
    case 'chat':
      return content.messages.map((message) => message.content).join('\n\n');
    case 'choice':
      return [content.question, ...content.choices].join('\n');
  }
}
