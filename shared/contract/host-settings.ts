import { z } from 'zod';
import { type Language, LANGUAGES } from '../words/words.ts';

/** What a person can set about the desktop program itself; it belongs to the person, not to a workspace. */

export const ZOOM_LIMITS = { least: 0.5, most: 3 } as const;

/** An address to ask for the newest version: https, without a name or password in it; empty for none. */
const updateAddress = z
  .string()
  .max(500)
  .refine((text) => text === '' || isUpdateAddress(text), 'an https address without a user name, or nothing');

export function isUpdateAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return protocol === 'https:' && username === '' && password === '';
}

const language = z.enum(['system', ...(Object.keys(LANGUAGES) as Language[])]);

export const hostSettingsSchema = z.object({
  /** Told by the system when a run has ended and the window is not looked at. */
  notifications: z.boolean().default(true),
  /** Closing the window, or quitting, while something trains. */
  closing: z.enum(['ask', 'background', 'stop']).default('ask'),
  /** Magnification of the pages; 1 is their own size. */
  zoom: z.number().min(ZOOM_LIMITS.least).max(ZOOM_LIMITS.most).default(1),
  /** Of menus and dialogs; the pages say which they speak. */
  language: language.default('system'),
  /** Off, and without an address, until the person sets both: nothing is asked before. */
  updates: z.object({ check: z.boolean().default(false), address: updateAddress.default('') }).prefault({}),
});
export type HostSettings = z.infer<typeof hostSettingsSchema>;

/** What is to be changed; the rest stays. */
export const hostSettingsChangeSchema = z.strictObject({
  notifications: z.boolean().optional(),
  closing: z.enum(['ask', 'background', 'stop']).optional(),
  zoom: hostSettingsSchema.shape.zoom.unwrap().optional(),
  language: language.optional(),
  updates: z.strictObject({ check: z.boolean(), address: updateAddress }).optional(),
});
export type HostSettingsChange = z.infer<typeof hostSettingsChangeSchema>;

/** What became of asking for a newer version. Nothing is ever installed. */
export interface UpdateReport {
  /** What this program is. */
  current: string;
  /** What the address answered; null where nothing was asked or the answer was of no use. */
  latest: string | null;
  isNewer: boolean;
  /** Everything that was sent, for the person to read; empty where nothing was. */
  sent: string;
  /** Why there is no answer, in words; null where there is one. */
  problem: string | null;
}
