import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isAlive, livesStill, signOf } from '../../main/training/process-sign.ts';

it('this process lives', () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(livesStill(signOf(process.pid))).toBe(true);
});

it.skipIf(process.platform !== 'linux')(
  'a killed process that its parent does not ask after is dead, with its id and start still there',
  async () => {
    // The shell starts a process and becomes another program, which knows of no child and never asks what became of it.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const child = Number(line.toString());
      const sign = signOf(child);
      expect(livesStill(sign)).toBe(true);
      process.kill(child, 'SIGKILL');
      const isZombie = async (): Promise<boolean> => /\) Z /.test(await readFile(`/proc/${child}/stat`, 'utf8'));
      while (!(await isZombie())) await delay(5);
      expect(signOf(child)).toBe(sign);
      expect(isAlive(child)).toBe(false);
      expect(livesStill(sign)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
      await once(parent, 'exit');
    }
  },
);
