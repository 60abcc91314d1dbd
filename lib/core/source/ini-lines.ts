import { quoted, VmnetError } from '../errors.ts';

/** A line of an ini file that says something, with its place as `FILE:LINE`. */
export type IniLine =
  | { readonly kind: 'head'; readonly name: string; readonly where: string }
  | { readonly kind: 'entry'; readonly key: string; readonly raw: string; readonly where: string };

/**
 * Finds every section head and every key, and refuses what the ini package would pass over or read in a way
 * that nobody expects: lines that are neither, `key[]`, open quotes, a value that a `;` or `#` inside it would cut.
 */
export function iniLines(text: string, path: string): readonly IniLine[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  return lines.flatMap((line, index) => {
    const parsed = parseLine(line.trim(), `${path}:${index + 1}`);
    return parsed === undefined ? [] : [parsed];
  });
}

function parseLine(line: string, where: string): IniLine | undefined {
  if (line === '' || line.startsWith(';') || line.startsWith('#')) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being refused
  if (/[\u0000-\u0008\u000b-\u001f\u007f\u2028\u2029]/.test(line)) {
    throw new VmnetError('config', `${quoted(line)} has a control character in it`, {
      where,
      hint: 'remove it',
    });
  }
  if (line.startsWith('[')) return parseHead(line, where);
  const equals = line.indexOf('=');
  const key = line.slice(0, Math.max(0, equals)).trim();
  if (!/^[A-Za-z0-9_-]+$/.test(key)) {
    throw new VmnetError('config', `${quoted(line)} is neither a section nor a key with its value`, {
      where,
      hint: 'write [section NAME], or key = value, or start a comment with ;',
    });
  }
  return { kind: 'entry', key, raw: rawValue(line.slice(equals + 1).trim(), key, where), where };
}

function parseHead(line: string, where: string): IniLine {
  const [, name] = /^\[([^[\]]*)\]\s*([;#].*)?$/.exec(line) ?? [];
  if (name === undefined) {
    throw new VmnetError('config', `${quoted(line)} is no section head`, {
      where,
      hint: 'write [section NAME]',
    });
  }
  return { kind: 'head', name: name.trim().replace(/\s+/g, ' '), where };
}

function rawValue(raw: string, key: string, where: string): string {
  if (/^["']/.test(raw)) {
    const [, , inner] = /^(["'])([^"'\\]*)\1\s*([;#].*)?$/.exec(raw) ?? [];
    if (inner !== undefined) return `"${inner}"`;
    throw new VmnetError('config', `${key}: ${quoted(raw)} is not one quoted word`, {
      where,
      hint: 'close the quotes, and put no quotes or backslashes between them',
    });
  }
  const cut = /(?<=[^\s\\])[;#]/.exec(raw.replace(/(?<=\s)[;#].*$/, ''));
  if (cut !== null) {
    throw new VmnetError('config', `${key}: ${quoted(raw)} would end at the first ; or #`, {
      where,
      hint: 'put the value in double quotes, or a space before the comment',
    });
  }
  return raw;
}
