// A tool that neither answers nor ends must not keep its caller for ever.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmnetError } from '../../lib/core/errors.ts';
import { start, toolError } from '../../lib/host/exec.ts';
import { openSession } from '../../lib/host/session.ts';

/** Says its process id, answers every line, and from `stop` on stands still. */
const ANSWERS = '$| = 1; print "[$$]\\n"; while (<STDIN>) { kill STOP => $$ if /stop/; print "[]\\n" }';
const isLate = (error: unknown) => error instanceof VmnetError && error.exit === 'kernel';

function sessionOf(timeoutMs: number) {
  return openSession({
    tool: 'perl',
    args: ['-e', ANSWERS],
    isAnswer: line => line.startsWith('['),
    timeoutMs,
    ended: exit => toolError('perl', exit, 'ended'),
  });
}

async function ends(pid: number): Promise<void> {
  for (let round = 0; existsSync(`/proc/${pid}`); round += 1) {
    assert.ok(round < 50, 'it is still there');
    await sleep(100);
  }
}

test('a session whose tool stands still is an error, also for who has asked behind it, and the tool goes', async () => {
  const session = sessionOf(2000);
  const answers = await session.ask(['a', 'b'], all => all.length === 3);
  const late = [session.ask(['stop'], all => all.length === 1), session.ask(['c'], all => all.length === 1)];
  for (const { status, reason } of (await Promise.allSettled(late)) as PromiseRejectedResult[]) {
    assert.equal(status, 'rejected');
    assert.ok(isLate(reason), String(reason));
  }
  await ends(Number(answers[0]?.slice(1, -1)));
  await assert.rejects(
    session.ask(['d'], all => all.length === 1),
    isLate,
  );
  session.close();
});

test('a session that was answered in time lasts', async () => {
  const session = sessionOf(500);
  await session.ask(['a'], all => all.length === 2);
  await sleep(700);
  assert.deepEqual(await session.ask(['b'], all => all.length === 1), ['[]']);
  session.close();
});

test('a tool that does not end in time is an error, also where it is stopped', async () => {
  await assert.rejects(start('perl', ['-e', 'kill STOP => $$']).finish('', 500), isLate);
});

test('what a tool says before its answer is there with the answer', async () => {
  const session = openSession({
    tool: 'perl',
    args: ['-e', '$| = 1; while (<STDIN>) { print STDERR "no $_"; print "[]\\n" }'],
    isAnswer: line => line.startsWith('['),
    ended: exit => toolError('perl', exit, 'ended'),
  });
  for (let round = 0; round < 100; round += 1) {
    await session.ask([`${round}`], all => all.length === 1);
    const said = await session.said();
    assert.ok(said.endsWith(`no ${round}\n`), `${round}: ${said.slice(-20)}`);
  }
  session.close();
});
