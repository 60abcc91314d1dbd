// Which kinds of links the kernel can make.
import { execaSync } from 'execa';
import { PATH } from './command.ts';

/** What is missing, in one line; undefined when nothing is. */
export function missingLinkTypes(...types: readonly string[]): string | undefined {
  const place = `vmt${process.pid}-types`;
  const ip = (...args: readonly string[]) =>
    execaSync('ip', args, { env: { PATH }, reject: false }).exitCode === 0;
  if (!ip('netns', 'add', place)) return 'needs root, to make network namespaces';
  try {
    ip('-n', place, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    const missing = types.filter(type => {
      const more = { vlan: ['link', 'v0'], vrf: [] }[type] ?? [];
      const own = { vlan: ['id', '5'], vrf: ['table', '77'] }[type] ?? [];
      return !ip('-n', place, 'link', 'add', ...more, 'name', `x-${type}`, 'type', type, ...own);
    });
    return missing.length === 0 ? undefined : `needs a kernel with ${missing.join(', ')}; make lab has one`;
  } finally {
    ip('netns', 'del', place);
  }
}
