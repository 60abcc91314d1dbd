// The records of the kernel in memory: as text, so that what is read back has gone through the parsers.
import { VmnetError } from '../../../lib/core/errors.ts';
import type { Ifname } from '../../../lib/core/model/ifname.ts';
import type { NicRecord } from '../../../lib/core/model/record.ts';
import { parseHostRecord } from '../../../lib/core/source/host-record.ts';
import { parseRecord } from '../../../lib/core/source/record.ts';
import type { HostRecords, Records } from '../../../lib/run/ports.ts';

/** The host's own, among the NICs' by a name that no link has. */
export function hostRecordIn(
  texts: Map<string, string>,
  step: (kind: 'record', text: string) => void,
): HostRecords {
  return {
    read: () => {
      const text = texts.get('/host');
      return text === undefined ? undefined : parseHostRecord(text, 'host.json');
    },
    write: record => {
      step('record', 'write host');
      texts.set('/host', JSON.stringify(record));
    },
    remove: () => {
      step('record', 'remove host');
      texts.delete('/host');
    },
  };
}

export function recordsIn(texts: Map<string, string>, step: (kind: 'record', text: string) => void): Records {
  const nics = () => [...texts].filter(([name]) => name !== '/host').sort();
  const parse = (ifname: string, text: string): NicRecord => parseRecord(text, `${ifname}.json`);
  const all = () =>
    nics().map(([ifname, text]) => {
      try {
        return parse(ifname, text);
      } catch (thrown) {
        if (thrown instanceof VmnetError) return thrown;
        throw thrown;
      }
    });
  return {
    read: ifname => {
      const text = texts.get(ifname);
      return text === undefined ? undefined : parse(ifname, text);
    },
    write: record => {
      step('record', `write ${record.request.ifname} ${record.state}`);
      texts.set(record.request.ifname, JSON.stringify(record));
    },
    remove: (ifname: Ifname) => {
      step('record', `remove ${ifname}`);
      texts.delete(ifname);
    },
    tidy: () => undefined,
    iterate: () => all(),
    list: () => ({
      records: all().filter((one): one is NicRecord => !(one instanceof VmnetError)),
      broken: all().filter(one => one instanceof VmnetError),
    }),
  };
}
