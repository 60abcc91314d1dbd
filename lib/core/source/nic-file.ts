import { VmnetError } from '../errors.ts';
import type { Config } from '../model/config.ts';
import type { Ifname } from '../model/ifname.ts';
import type { NicRequest } from '../model/request.ts';
import { readValues } from './config-schema.ts';
import { list, type Parser } from './config-values.ts';
import { type AttachFlags, requestFromFlags } from './flags.ts';
import { type IniSection, placeOf, readIni } from './ini-file.ts';

// The words are those of `vmnet attach`, and it is the parser of its arguments that reads their values.
const text: Parser<string> = value => value;
const SCHEMA = {
  network: text,
  mode: text,
  link: text,
  mac: text,
  ip: list(text),
  vlan: text,
  instance: text,
  tag: list(text),
};

/** Where a NIC stands whose caller tells nothing but the tap: in the directory nics.d beside the configuration. */
export function nicFilePath(configDirectory: string, tap: Ifname): string {
  return `${configDirectory}/nics.d/${tap}.ini`;
}

/** A request from the tap's file, which has one section, [nic]. Errors tell the line. */
export function requestFromNicFile(
  file: { readonly path: string; readonly text: string },
  tap: Ifname,
  config: Config,
): NicRequest {
  const section = onlySection(file);
  const flags: AttachFlags = { tap, ...readValues(section, SCHEMA) };
  try {
    return requestFromFlags(flags, config);
  } catch (error) {
    throw error instanceof VmnetError && error.exit === 'request' ? ofFile(error, section) : error;
  }
}

function onlySection(file: { readonly path: string; readonly text: string }): IniSection {
  const sections = readIni([file]);
  const [section] = sections;
  const wrong = sections.find(({ kind, name }) => kind !== 'nic' || name !== '');
  if (section !== undefined && wrong === undefined) return section;
  throw new VmnetError(
    'config',
    wrong === undefined ? 'the file says nothing' : 'the file is for [nic] alone',
    {
      where: wrong?.where ?? file.path,
      hint: 'write [nic], and under it mac =, ip =, network = and what else vmnet attach takes',
    },
  );
}

/** What was said of `--mac` is said of the line with `mac =`. */
function ofFile(error: VmnetError, section: IniSection): VmnetError {
  const [, flag] = /^--([a-z]+)$/.exec(error.where ?? '') ?? [];
  const hint = error.hint?.replaceAll(/--([a-z]+)/g, '$1 =');
  return new VmnetError('config', flag === undefined ? error.message : `${flag}: ${error.message}`, {
    where: flag === undefined ? section.where : placeOf(section, flag),
    ...(hint === undefined ? {} : { hint }),
  });
}
