import { type ListedNic, list } from '../run/list.ts';
import { type GlobalArgv, onHost, printJson, printTable, reportErrors } from './context.ts';

export function addList(yargs: GlobalArgv): void {
  yargs.command(
    'list',
    'The NICs that are attached on this node',
    yargs =>
      yargs
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example('$0 list', 'one line a NIC'),
    argv =>
      onHost(argv, async context => {
        const { nics, broken } = list(context);
        if (argv.json) printJson(nics.map(nicJson));
        else printTable([HEAD, ...nics.map(row)]);
        return reportErrors(context, broken, 'ok');
      }),
  );
}

const HEAD = ['TAP', 'MODE', 'NETWORK', 'ADDRESSES', 'INSTANCE', 'STATE'];

function row({ record, addresses, alive }: ListedNic): readonly string[] {
  const request = record.request;
  const network = record.network?.name ?? request.link ?? '-';
  return [
    request.ifname,
    request.mode,
    network,
    addresses.map(address => address.text).join(',') || '-',
    request.instance ?? '-',
    stateOf({ record, alive }),
  ];
}

function stateOf({ record, alive }: Pick<ListedNic, 'record' | 'alive'>): string {
  if (!alive) return 'gone';
  return record.state === 'applied' ? (record.request.phase ?? record.state) : record.state;
}

/** A NIC for programs, as `list --json` and `show --json` print it. */
export function nicJson({ record, addresses, alive }: ListedNic): object {
  const { request } = record;
  return {
    tap: request.ifname,
    mode: request.mode,
    network: record.network?.name,
    link: request.link,
    vlan: request.vlan,
    mac: request.mac,
    addresses: addresses.map(address => address.text),
    instance: request.instance,
    tags: request.tags,
    state: stateOf({ record, alive }),
    since: record.at,
  };
}
