import { existsSync } from 'node:fs';
import { VmnetError } from '../core/errors.ts';
import { type OvsAnswer, ovsQuestion, readOvs } from '../core/observed/ovs.ts';
import type { Query } from '../core/observed/query.ts';
import type { Line } from '../core/plan/render.ts';
import { type Exit, start, toolError } from './exec.ts';

/** It waits for the switch to have done what the database says, and would wait for ever for one that does not run. */
const TIMEOUT = '--timeout=10';

/** Where the database listens. The variable is Open vSwitch's own, and its tools go by it as well. */
function socket(): string {
  return `${process.env.OVS_RUNDIR ?? '/var/run/openvswitch'}/db.sock`;
}

/** One transaction: all the ports, or none. */
export async function changeOvs(lines: readonly Line[]): Promise<void> {
  const exit = await vsctl(lines.flatMap(({ text }) => ['--', ...text.split(' ')]));
  if (exit.code !== 0) throw refused(exit, lines.map(({ text }) => text).join(' -- '));
}

export async function readPorts(asked: NonNullable<Query['ovs']>): Promise<OvsAnswer> {
  if (asked === 'any' && !existsSync(socket())) return { ports: [], bridges: [] };
  const exit = await vsctl(['--format=json', ...ovsQuestion(typeof asked === 'string' ? [] : asked)]);
  if (exit.code !== 0) throw refused(exit, 'list Port');
  return readOvs(exit.stdout);
}

function vsctl(args: readonly string[]): Promise<Exit> {
  return start('ovs-vsctl', [`--db=unix:${socket()}`, TIMEOUT, ...args]).finish('');
}

function refused(exit: Exit, doing: string): VmnetError {
  if (!exit.stderr.includes('database connection failed')) return toolError('ovs-vsctl', exit, doing);
  return new VmnetError('missing', 'Open vSwitch does not run', {
    where: socket(),
    hint: 'systemctl start openvswitch-switch',
  });
}
