import { parse } from 'ini';
import { VmnetError } from '../errors.ts';
import { type IniLine, iniLines } from './ini-lines.ts';

export interface IniEntry {
  readonly key: string;
  readonly value: string;
  /** `FILE:LINE` */
  readonly where: string;
}

/** `[kind name]` with its keys. */
export interface IniSection {
  readonly kind: string;
  /** Empty when the head has no name; as it was written, so it may have spaces in it. */
  readonly name: string;
  readonly where: string;
  readonly entries: ReadonlyMap<string, IniEntry>;
}

/** Reads the files into one list of sections; a section or a key of a section that is there twice is an error. */
export function readIni(
  files: readonly { readonly path: string; readonly text: string }[],
): readonly IniSection[] {
  const sections = files.flatMap(({ path, text }) => readFile(text, path));
  const seen = new Map<string, string>();
  for (const { kind, name, where } of sections) {
    const head = name === '' ? `[${kind}]` : `[${kind} ${name}]`;
    const before = seen.get(head);
    if (before !== undefined) {
      throw new VmnetError('config', `${head} is already at ${before}`, {
        where,
        hint: 'make one section of the two',
      });
    }
    seen.set(head, where);
  }
  return sections;
}

/** Where a key of the section was said, or the section itself when it was not. */
export function placeOf(section: IniSection, key: string): string {
  return section.entries.get(key)?.where ?? section.where;
}

function readFile(text: string, path: string): readonly IniSection[] {
  const groups: { head: IniLine & { kind: 'head' }; entries: (IniLine & { kind: 'entry' })[] }[] = [];
  for (const line of iniLines(text, path)) {
    if (line.kind === 'head') groups.push({ head: line, entries: [] });
    else {
      const group = groups.at(-1);
      if (group === undefined) {
        throw new VmnetError('config', `${line.key} stands before the first section`, {
          where: line.where,
          hint: 'put it under its section, such as [vmnet]',
        });
      }
      group.entries.push(line);
    }
  }
  // The ini package splits section names at dots and drops some: it gets the section's number for its name.
  const document = parse(
    groups
      .flatMap(({ entries }, index) => [`[${index}]`, ...entries.map(({ key, raw }) => `${key}=${raw}`)])
      .join('\n'),
  );
  return groups.map(({ head, entries }, index) => section(head, entries, document[String(index)] ?? {}));
}

function section(
  head: IniLine & { kind: 'head' },
  lines: readonly (IniLine & { kind: 'entry' })[],
  values: Readonly<Record<string, unknown>>,
): IniSection {
  const entries = new Map<string, IniEntry>();
  for (const { key, where } of lines) {
    const before = entries.get(key);
    if (before !== undefined) {
      throw new VmnetError('config', `${key} is already at ${before.where}`, {
        where,
        hint: 'remove one of the two',
      });
    }
    // true, false and null come as what they mean to JavaScript; here each is a word like any other.
    entries.set(key, { key, value: String(values[key]), where });
  }
  const [kind = '', ...name] = head.name.split(' ');
  return { kind, name: name.join(' '), where: head.where, entries };
}
