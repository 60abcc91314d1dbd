import { type FSWatcher, mkdirSync, watch as watchDir } from 'node:fs';
import { asVmnetError, formatError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import { authorOfNft, carrierOf, concernsIp, concernsNft, type Interest } from '../core/watch/event.ts';
import { AT_REST, both, type Pace, paceAfter, SETTLE_MS } from '../core/watch/pace.ts';
import { type Memory, NO_MEMORY } from '../run/look.ts';
import type { Context } from '../run/ports.ts';
import { interestOf, reassertNics } from '../run/reassert.ts';
import { reassertHost } from '../run/reassert-host.ts';
import type { Globals } from './context.ts';
import { loadConfig, loadRtTables } from './files.ts';
import { createHost } from './host.ts';
import { managerAtWork } from './managers.ts';
import { startMonitors } from './monitors.ts';
import { lastingDir, readUnconfirmed } from './unconfirmed.ts';

/** A watch between two events. */
interface State {
  nics: Memory;
  host: Memory;
  pace: Pace;
  interest: Interest;
  config: Config;
  rtTables: ReadonlyMap<string, number>;
  unreadable: string;
  /** What has been heard last since the last look began. */
  event?: string;
  /** What a look comes back to that comes by itself. */
  lastEvent: string;
  author?: string;
  returned: Set<Ifname>;
  /** Links without a carrier. */
  readonly dark: Set<string>;
}

/** Listens to the kernel and puts right what is lost, until SIGTERM or SIGINT; SIGHUP has it look at once. */
export async function watch(context: Context, globals: Globals): Promise<void> {
  const { config, rtTables } = context;
  const state: State = {
    nics: NO_MEMORY,
    host: NO_MEMORY,
    pace: AT_REST,
    interest: interestOf(context),
    config,
    rtTables,
    unreadable: '',
    returned: new Set(),
    dark: new Set(),
    lastEvent: 'the start',
  };
  const { heard, end } = startSchedule(state, () => lookOnce(context, globals, state));
  const monitors = startMonitors({
    line: (tool, line) => {
      const author = tool === 'nft' ? authorOfNft(line) : undefined;
      if (author !== undefined && state.event !== undefined) state.author = author;
      const concerns = tool === 'nft' ? concernsNft(line) : concernsIp(line, state.interest);
      if (!concerns) return;
      if (tool === 'ip') noteCarrier(state, line);
      heard(eventText(line));
    },
    listens: tool => heard(`the start of ${tool} monitor`),
    ended: (tool, reason) =>
      context.report('warn', `${tool} monitor has ended (${reason}); it is started again`),
  });
  const files = watchFiles(globals.stateDir, file => heard(file));
  const ended = signalled(() => heard('SIGHUP', 0));
  await Promise.race([monitors.ready, ended]);
  context.report('info', 'watching');
  await ended;
  for (const file of files) file.close();
  await Promise.all([monitors.close(), end()]);
}

const FILES = ['host.json', 'unconfirmed.json'];

/** The kernel tells nothing of a `vmnet host up`, nor of somebody who has confirmed it. */
function watchFiles(stateDir: string, changed: (file: string) => void): readonly FSWatcher[] {
  return [stateDir, lastingDir(stateDir)].map(dir => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return watchDir(dir, (_, file) => {
      if (file !== null && FILES.includes(file)) changed(file);
    });
  });
}

/** Looks after what was heard, never twice at the same time, and not more often than the pace allows. */
function startSchedule(state: State, lookOnce: () => Promise<void>) {
  let over = false;
  let looking: Promise<void> | undefined;
  let timer: { readonly due: number; readonly handle: NodeJS.Timeout } | undefined;
  const schedule = (at: number): void => {
    const due = Math.max(at, state.pace.earliest);
    if (looking !== undefined || over || (timer !== undefined && timer.due <= due)) return;
    clearTimeout(timer?.handle);
    timer = { due, handle: setTimeout(look, Math.max(due - performance.now(), 0)) };
  };
  const look = (): void => {
    timer = undefined;
    looking = lookOnce().finally(() => {
      looking = undefined;
      if (state.event !== undefined) schedule(performance.now() + SETTLE_MS);
      if (state.pace.again !== undefined) schedule(state.pace.again);
    });
  };
  return {
    heard: (event: string, delay = SETTLE_MS): void => {
      state.event = event;
      schedule(performance.now() + delay);
    },
    end: async (): Promise<void> => {
      over = true;
      clearTimeout(timer?.handle);
      await looking;
    },
  };
}

function noteCarrier(state: State, line: string): void {
  const link = carrierOf(line);
  if (link === undefined) return;
  if (!link.up) state.dark.add(link.ifname);
  else if (state.dark.delete(link.ifname) || link.moved)
    state.returned.add(parseIfname(link.ifname, 'ip monitor'));
}

async function lookOnce(context: Context, globals: Globals, state: State): Promise<void> {
  const began = performance.now();
  const { event = state.lastEvent, author } = state;
  state.lastEvent = event;
  const returned = [...state.returned];
  delete state.event;
  delete state.author;
  readConfig(context, globals, state);
  const host = createHost(globals.stateDir);
  const now = { ...context, host, config: state.config, rtTables: state.rtTables };
  try {
    const occasion = {
      event,
      returned,
      ...(author === undefined ? {} : { author }),
      now: () => performance.now(),
      busy: managerAtWork,
      unconfirmed: () => readUnconfirmed(globals.stateDir) !== undefined,
    };
    // What NICs lie on comes first.
    const links = await reassertHost(now, state.host, occasion);
    const nics = await reassertNics(now, state.nics, occasion);
    state.host = links.memory;
    state.nics = nics.memory;
    const outcome = both(links.outcome, nics.outcome);
    if (nics.outcome.kind === 'clean' || nics.outcome.kind === 'repaired')
      for (const ifname of returned) state.returned.delete(ifname);
    state.pace = paceAfter(state.pace, outcome, began, performance.now());
    state.interest = interestOf(now);
  } finally {
    host.close();
  }
}

/** Read for each look: a watch with another configuration than the attach of today would undo what that has made. */
function readConfig(context: Context, globals: Globals, state: State): void {
  try {
    state.rtTables = loadRtTables();
    state.config = loadConfig(globals.config, state.rtTables);
    state.unreadable = '';
  } catch (thrown) {
    const text = formatError(asVmnetError(thrown));
    if (text !== state.unreadable) context.report('error', `${text}; until then, as it was read last`);
    state.unreadable = text;
  }
}

/** The beginning of a line, without what is behind the `\` of `ip -o`. */
function eventText(line: string): string {
  const [text = ''] = line.split('\\');
  const short = text.replace(/\s+/g, ' ').trim();
  return short.length > 80 ? `${short.slice(0, 77)}...` : short;
}

/** Ends with the first signal that asks for the end. */
function signalled(again: () => void): Promise<void> {
  process.on('SIGHUP', again);
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
}
