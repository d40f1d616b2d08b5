import type { Content } from '../../../shared/domain/content.ts';

/** The same content with each of its texts passed through a function; the same object where no text changed. */
export function mapTexts(content: Content, map: (text: string) => string): Content {
  switch (content.kind) {
    case 'text': {
      const text = map(content.text);
      return text === content.text ? content : { ...content, text };
    }
    case 'completion': {
      const [prompt, completion] = [map(content.prompt), map(content.completion)];
      return prompt === content.prompt && completion === content.completion ? content : { ...content, prompt, completion };
    }
    case 'chat': {
      const messages = content.messages.map((message) => ({ ...message, content: map(message.content) }));
      return messages.every((message, index) => message.content === content.messages[index]!.content) ? content : { ...content, messages };
    }
    case 'choice': {
      const [question, choices] = [map(content.question), content.choices.map(map)];
      const isSame = question === content.question && choices.every((choice, index) => choice === content.choices[index]);
      return isSame ? content : { ...content, question, choices };
    }
  }
}

/** All texts of a content, in their order. */
export function textsOf(content: Content): string[] {
  const texts: string[] = [];
  mapTexts(content, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}
