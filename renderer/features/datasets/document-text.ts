import { plainTextOf } from '../../../shared/domain/content.ts';
import type { Client } from '../../client/client.ts';

/** All that a document says where there is a model to read it for, else as much as a list shows. */
export async function documentText(client: Client, dataset: string, document: number, model: string | null): Promise<string> {
  if (model !== null) return plainTextOf((await client.datasets.tokens({ dataset, document, model, count: 1 })).content);
  const { documents } = await client.datasets.documents({ dataset, from: document, count: 1 });
  return documents[0]?.text ?? '';
}
