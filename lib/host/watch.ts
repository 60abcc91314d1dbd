import { asVmnetError, formatError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import { authorOfNft, concernsIp, concernsNft, type Interest } from '../core/watch/event.ts';
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
  /** What has been heard since the last look began. */
  event?: string;
  author?: string;
  timer?: NodeJS.Timeout;
  /** When the timer runs out. */
  due?: number;
  looking?: Promise<void>;
  over: boolean;
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
    over: false,
  };
  const schedule = (at: number): void => {
    if (state.looking !== undefined || state.over) return;
    const due = Math.max(at, state.pace.earliest);
    if (state.due !== undefined && state.due <= due) return;
    clearTimeout(state.timer);
    state.due = due;
    state.timer = setTimeout(look, Math.max(due - performance.now(), 0));
  };
  const look = (): void => {
    delete state.due;
    state.looking = lookOnce(context, globals, state).finally(() => {
      delete state.looking;
      if (state.event !== undefined) schedule(performance.now() + SETTLE_MS);
      if (state.pace.again !== undefined) schedule(state.pace.again);
    });
  };
  const heard = (event: string, delay = SETTLE_MS): void => {
    state.event ??= event;
    schedule(performance.now() + delay);
  };
  const monitors = startMonitors({
    line: (tool, line) => {
      const author = tool === 'nft' ? authorOfNft(line) : undefined;
      if (author !== undefined && state.event !== undefined) state.author = author;
      const concerns = tool === 'nft' ? concernsNft(line) : concernsIp(line, state.interest);
      if (concerns) heard(eventText(line));
    },
    listens: tool => heard(`the start of ${tool} monitor`),
    ended: (tool, reason) =>
      context.report('warn', `${tool} monitor has ended (${reason}); it is started again`),
  });
  const ended = signalled(() => heard('SIGHUP', 0));
  await Promise.race([monitors.ready, ended]);
  context.report('info', 'watching');
  await ended;
  state.over = true;
  clearTimeout(state.timer);
  await Promise.all([monitors.close(), state.looking]);
}

async function lookOnce(context: Context, globals: Globals, state: State): Promise<void> {
  const began = performance.now();
  const { event = 'an earlier failure', author } = state;
  delete state.event;
  delete state.author;
  readConfig(context, globals, state);
  const host = createHost(globals.stateDir);
  const now = { ...context, host, config: state.config, rtTables: state.rtTables };
  try {
    const occasion = { event, ...(author === undefined ? {} : { author }), now: () => performance.now() };
    const { outcome, memory } = await reassert(now, state.memory, occasion);
    state.memory = memory;
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
