import { quoted, VmnetError } from '../errors.ts';
import type { Parser } from './config-values.ts';
import type { IniSection } from './ini-file.ts';
import { hintFor } from './suggest.ts';

/** The keys of a kind of section, each with the parser of its value. */
export type Schema = Readonly<Record<string, Parser<unknown>>>;

/** What a schema reads: `arp-source` in the file is `arpSource` here, and no key need be there. */
export type Values<S extends Schema> = {
  readonly [K in keyof S & string as Camel<K>]?: ReturnType<S[K]>;
};

type Camel<K extends string> = K extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : K;

/** Reads every key of a section; unknown keys and bad values are errors with the line and the key. */
export function readValues<S extends Schema>(section: IniSection, schema: S): Values<S> {
  const values: [string, unknown][] = [];
  for (const { key, value, where } of section.entries.values()) {
    const parser = Object.hasOwn(schema, key) ? schema[key] : undefined;
    if (parser === undefined) {
      const hint = hintFor(key, Object.keys(schema));
      throw new VmnetError('config', `[${section.kind}] has no key ${quoted(key)}`, { where, hint });
    }
    values.push([camel(key), readValue(parser, key, value, where)]);
  }
  return Object.fromEntries(values) as Values<S>;
}

function readValue(parser: Parser<unknown>, key: string, value: string, where: string): unknown {
  if (value === '') {
    throw new VmnetError('config', `${key} has no value`, { where, hint: 'give one, or remove the line' });
  }
  return parseInConfig(parser, value, where, `${key}: `);
}

/** Runs a parser of the model, which knows neither the key nor that what it reads is the configuration. */
export function parseInConfig<T>(parser: Parser<T>, text: string, where: string, prefix = ''): T {
  try {
    return parser(text, where);
  } catch (error) {
    if (!(error instanceof VmnetError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new VmnetError('config', `${prefix}${error.message}`, { where, ...hint });
  }
}

function camel(key: string): string {
  return key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The section's name, which has to be good for what the kind of section describes. */
export function headOf<T>(ini: IniSection, parser: Parser<T>): { readonly name: T; readonly where: string } {
  return { name: parseInConfig(parser, ini.name, ini.where), where: ini.where };
}
