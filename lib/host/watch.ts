import { asVmnetError, formatError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import { authorOfNft, carrierOf, concernsIp, concernsNft, type Interest } from '../core/watch/event.ts';
import { AT_REST, type Pace, paceAfter, SETTLE_MS } from '../core/watch/pace.ts';
import type { Context } from '../run/ports.ts';
import { interestOf, type Memory, NO_MEMORY, reassert } from '../run/reassert.ts';
import type { Globals } from './context.ts';
import { loadConfig, loadRtTables } from './files.ts';
import { createHost } from './host.ts';
import { startMonitors } from './monitors.ts';

/** A watch between two events. */
interface State {
  memory: Memory;
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
    memory: NO_MEMORY,
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
  const ended = signalled(() => heard('SIGHUP', 0));
  await Promise.race([monitors.ready, ended]);
  context.report('info', 'watching');
  await ended;
  await Promise.all([monitors.close(), end()]);
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
    };
    const { outcome, memory } = await reassert(now, state.memory, occasion);
    state.memory = memory;
    if (outcome.kind === 'clean' || outcome.kind === 'repaired')
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
