import { createORPCClient, ORPCError } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servePort } from '../../main/electron/rpc.ts';
import { createRouter } from '../../main/studio/router.ts';
import { openStudio, type Studio } from '../../main/studio/studio.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import type { Contract } from '../../shared/contract/contract.ts';
import { PortStandIn } from './harness/stand-in-objects.ts';

/** The whole contract over a message port, as under Electron, with a real studio behind it. */
describe('the studio behind a port', () => {
  let home: string;
  let studio: Studio;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'strata-desktop-'));
    studio = openStudio({ home, executor: new ProcessExecutor(), resources: join(home, 'none'), version: '1.2.3' });
  });

  afterAll(async () => {
    await studio.close();
    await rm(home, { recursive: true });
  });

  function connect(): { client: ContractRouterClient<Contract>; page: PortStandIn; host: PortStandIn } {
    const { port1, port2 } = new MessageChannel();
    const [host, page] = [new PortStandIn(port1), new PortStandIn(port2)];
    servePort(createRouter(studio), host as never);
    page.start();
    return { client: createORPCClient(new RPCLink({ port: page as never })), page, host };
  }

  test('answers calls', async () => {
    const { client, page } = connect();
    expect(await client.workspace.info()).toMatchObject({ home, version: '1.2.3' });
    expect(await client.models.list()).toEqual([]);
    page.close();
  });

  test('gives errors as the contract types them', async () => {
    const { client, page } = connect();
    const error: unknown = await client.models.show({ model: 'nothing' }).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(ORPCError);
    expect(error).toMatchObject({ code: 'STRATA', data: { code: 'NOT_FOUND' } });
    const wrong: unknown = await client.datasets.imports.start({ paths: [] }).catch((each: unknown) => each);
    expect(wrong).toMatchObject({ data: { code: 'BAD_INPUT' } });
    page.close();
  });

  test('a closed page ends its port', async () => {
    const { page, host } = connect();
    const closed = once(host, 'close');
    page.close();
    await closed;
  });
});
