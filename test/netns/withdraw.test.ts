// A node that a guest leaves stops speaking for it before it takes anything from its filter.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import { argvInside, missingForNamespaces, PATH } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { routedNic, startVm, stopVm } from '../support/vm.ts';
import { attach, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;

before(async () => {
  if (skip === false) datacentre = await buildDatacentre({ program: 'dist' });
});
after(() => datacentre?.close());

/**
 * One process that hears the kernel tell of routes that go and of nftables, and prints a word for each. What there is of
 * routes is read before anything of nftables, so a `nft` before a `route` did happen before it. Nobody is told of proxy
 * entries: test/fault/withdraw.test.ts has their order.
 */
const LISTEN = String.raw`
  use strict; use warnings;
  my ($routes, $nft);
  socket $routes, 16, 3, 0 or die "route: $!";
  bind $routes, pack('S S L L', 16, 0, 0, 0x40 | 0x400) or die "route: $!";
  socket $nft, 16, 3, 12 or die "nft: $!";
  bind $nft, pack('S S L L', 16, 0, 0, 0x40) or die "nft: $!";
  $| = 1;
  print "listening\n";
  while (1) {
    my $ready = '';
    vec($ready, fileno $_, 1) = 1 for $routes, $nft;
    select $ready, undef, undef, 30 or exit;
    for my $one ([$routes, 'route'], [$nft, 'nft']) {
      my ($socket, $word) = @$one;
      while (defined recv $socket, my $message, 65536, 0x40) {
        next if $word eq 'route' && unpack('x4 S', $message) != 25;
        print "$word\n";
      }
    }
  }
`;

async function listen(node: Node): Promise<{ stop(): Promise<readonly string[]> }> {
  const [file = '', ...args] = argvInside(node, ['perl', '-e', LISTEN]);
  const child = execa(file, args, { reject: false, env: { PATH }, stdin: 'ignore' });
  let printed = '';
  await new Promise<void>((ready, failed) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('listening')) ready();
    });
    void child.then(({ stderr }) => failed(new Error(stderr)));
  });
  return {
    stop: async () => {
      child.kill('SIGTERM');
      await child;
      return printed.split('\n').filter(line => line !== '' && line !== 'listening');
    },
  };
}

for (const [what, others] of [
  ['the last NIC', 0],
  ['one of two NICs', 1],
] as const) {
  test(`detach of ${what}: routes first, then the filter`, { skip }, async () => {
    const { node1 } = datacentre;
    const vms = [];
    for (const number of [10, 11].slice(0, others + 1)) {
      const vm = await startVm(datacentre, `w${others}${number}`, node1, routedNic(number, `tap${number}`));
      await attach(vm);
      vms.push(vm);
    }
    const heard = await listen(node1);
    succeeded(await node1.vmnet(['detach', 'tap10']));
    const words = await heard.stop();
    assert.ok(words.indexOf('route') >= 0 && words.indexOf('nft') >= 0, words.join(' '));
    assert.ok(words.lastIndexOf('route') < words.indexOf('nft'), words.join(' '));
    for (const vm of vms) {
      await stopVm(vm);
      succeeded(await node1.vmnet(['gc']));
    }
  });
}
