import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PathGrants } from '../../main/studio/path-grants.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** A workspace, a folder that is chosen and one that is not, each with a file, and links between them. */
async function places(): Promise<Record<'home' | 'chosen' | 'secret' | 'inside' | 'outside', string>> {
  const [home, chosen, secret] = ['home', 'chosen', 'chosen-not'].map((name) => join(folder.path, name)) as [string, string, string];
  for (const each of [home, join(chosen, 'deep'), secret]) await mkdir(each, { recursive: true });
  await writeFile(join(chosen, 'deep', 'a.txt'), 'a');
  await writeFile(join(secret, 'key'), 'secret');
  await symlink(secret, join(chosen, 'link'));
  await symlink(join(secret, 'none'), join(chosen, 'nothing'));
  await symlink(join(chosen, 'deep'), join(chosen, 'shallow'));
  return { home, chosen, secret, inside: join(chosen, 'deep', 'a.txt'), outside: join(secret, 'key') };
}

const refused = { code: 'BAD_INPUT', message: 'You have not chosen that file or folder.' };

describe('a path', () => {
  it('that nobody chose is refused, whether it exists or not, with what is allowed and what to do', async () => {
    const { home, outside, secret } = await places();
    const grants = new PathGrants(home, { hint: 'Ask.' });
    for (const path of [outside, join(secret, 'nothing'), '/', '/etc/passwd', join(home, 'strata.db')]) {
      await expect(grants.check(path, 'read')).rejects.toMatchObject({
        ...refused,
        found: path,
        allowed: expect.stringContaining(join(home, 'exports')) as string,
        hint: 'Ask.',
      });
    }
  });

  it('of a chosen folder lets in what lies in it, also by links that stay inside, and what is to be made there', async () => {
    const { home, chosen, inside } = await places();
    const grants = new PathGrants(home);
    await grants.grant([chosen]);
    for (const path of [chosen, `${chosen}/`, inside, join(chosen, 'shallow', 'a.txt'), join(chosen, 'new', 'model.gguf')]) {
      await grants.check(path, 'read');
      await grants.check(path, 'write');
    }
  });

  it('of a chosen folder does not let out: by links, by "..", by a name that begins alike, by a link to nothing', async () => {
    const { home, chosen, secret } = await places();
    const grants = new PathGrants(home);
    await grants.grant([chosen]);
    for (const path of [join(chosen, 'link'), join(chosen, 'link', 'key'), secret, join(chosen, 'nothing'), join(chosen, 'nothing', 'x')]) {
      await expect(grants.check(path, 'write'), path).rejects.toMatchObject(refused);
    }
    for (const path of [
      `${chosen}/../chosen-not/key`,
      `${chosen}/link/../key`,
      `${chosen}/./deep`,
      relative('.', chosen),
      '',
      '.',
      `${chosen}\0`,
    ]) {
      await expect(grants.check(path, 'read'), path).rejects.toMatchObject({ code: 'BAD_INPUT', message: 'That is no whole path.' });
    }
  });

  it('of a chosen file lets in that file alone; of a chosen link what it leads to', async () => {
    const { home, chosen, inside, outside } = await places();
    const grants = new PathGrants(home);
    await grants.grant([inside, join(chosen, 'link')]);
    await grants.check(inside, 'read');
    await grants.check(join(chosen, 'shallow', 'a.txt'), 'read'); // the same file
    await grants.check(outside, 'read'); // in what the link leads to
    await expect(grants.check(chosen, 'read')).rejects.toMatchObject(refused);
    await expect(grants.check(join(inside, 'x'), 'read')).rejects.toMatchObject(refused);
  });

  it('at which there was nothing when it was chosen stays refused', async () => {
    const { home, chosen } = await places();
    const grants = new PathGrants(home);
    await grants.grant([join(chosen, 'later')]);
    await writeFile(join(chosen, 'later'), 'x');
    await expect(grants.check(join(chosen, 'later'), 'read')).rejects.toMatchObject(refused);
  });

  it('chosen for reading is not written to, unless it is chosen again for that', async () => {
    const { home, chosen, inside } = await places();
    const grants = new PathGrants(home);
    await grants.grant([chosen], 'read');
    await grants.check(inside, 'read');
    await expect(grants.check(inside, 'write')).rejects.toMatchObject(refused);
    await grants.grant([chosen]);
    await grants.grant([chosen], 'read'); // takes nothing back
    await grants.check(inside, 'write');
  });

  it("in the workspace's folder of exports may be named, and in folders in which paths may be typed; the page is told both", async () => {
    const { home, chosen, inside, outside } = await places();
    const grants = new PathGrants(home, { typed: [chosen] });
    await grants.check(join(home, 'exports', 'tiny.gguf'), 'write'); // not there yet
    await mkdir(join(home, 'exports'));
    await grants.check(join(home, 'exports', 'tiny.gguf'), 'write');
    await grants.check(inside, 'read');
    await grants.check(join(chosen, 'new'), 'write');
    await expect(grants.check(outside, 'read')).rejects.toMatchObject(refused);
    await expect(grants.check(join(home, 'exports', '..', 'strata.db'), 'write')).rejects.toMatchObject({ found: join(home, 'strata.db') });
    expect(grants.shown).toEqual({ typed: [chosen], exports: join(home, 'exports') });
  });
});
