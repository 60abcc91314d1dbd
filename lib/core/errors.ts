/** Exit codes of sysexits.h, by the meaning that vmnet gives them; `drift` is only ever the answer of a check. */
export const EXIT = {
  ok: 0,
  drift: 1,
  usage: 64,
  request: 65,
  missing: 69,
  bug: 70,
  kernel: 71,
  record: 74,
  busy: 75,
  permission: 77,
  config: 78,
} as const;

export type ExitName = keyof typeof EXIT;

/** One line for the caller: what is wrong, where it was said, what to do about it. */
export class VmnetError extends Error {
  readonly exit: ExitName;
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(exit: ExitName, what: string, detail: { where?: string; hint?: string; cause?: unknown } = {}) {
    super(oneLine(what), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'VmnetError';
    this.exit = exit;
    this.where = detail.where === undefined ? undefined : oneLine(detail.where);
    this.hint = detail.hint === undefined ? undefined : oneLine(detail.hint);
  }
}

/** `where: what; hint`, always on one line. */
export function formatError(error: VmnetError): string {
  const head = error.where === undefined ? error.message : `${error.where}: ${error.message}`;
  return error.hint === undefined ? head : `${head}; ${error.hint}`;
}

/** Anything thrown, as a VmnetError: what is not one already is a bug of ours. */
export function asVmnetError(thrown: unknown): VmnetError {
  if (thrown instanceof VmnetError) return thrown;
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new VmnetError('bug', text, {
    hint: 'this is a bug in vmnet, please report this line',
    cause: thrown,
  });
}

/** What someone else wrote, made safe for one line of a terminal or a log. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
  return text.replace(/\s*[\u0000-\u001f\u007f]+\s*/g, ' ').trim();
}
