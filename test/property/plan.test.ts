// The one subtraction that everything is made of.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withRuleTexts } from '../../lib/core/desired/filter.ts';
import { sharedObjects } from '../../lib/core/desired/network.ts';
import { nicObjects } from '../../lib/core/desired/nic.ts';
import { identityOf, isOurs } from '../../lib/core/model/identity.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { Nic } from '../../lib/core/model/network.ts';
import { NFT_FAMILIES } from '../../lib/core/model/nft.ts';
import { byKey, contentOf, type KernelObject, keyOf } from '../../lib/core/model/object.ts';
import { type Plan, plan } from '../../lib/core/plan/plan.ts';
import { render } from '../../lib/core/plan/render.ts';
import { applied } from '../support/golden.ts';
import { bridgeLine, ipLine } from '../support/memory/ip-lines.ts';
import { nftTransaction } from '../support/memory/nft-lines.ts';
import { ovsTransaction } from '../support/memory/ovs.ts';
import { observe } from '../support/memory/read.ts';
import { addLink, emptyState, setSysctl } from '../support/memory/state.ts';
import { nic } from './arbitraries.ts';

const settings = {
  tapMac: parseMac('02:76:6d:6e:65:74', 'property'),
  routeProtocol: 118,
  rulePreference: 900,
  guard: 'subnet',
  profiles: [],
} as const;
const identity = identityOf(settings);

/** All that some NICs want of a node; a tap is wanted once, as its last NIC says. */
const wanted: fc.Arbitrary<readonly KernelObject[]> = fc
  .array(nic, { maxLength: 3 })
  .map(nics => [...new Map(nics.map(one => [one.request.ifname, one])).values()])
  .map(objectsOf);

function objectsOf(nics: readonly Nic[]): readonly KernelObject[] {
  return unique([
    ...nics.flatMap(one => sharedObjects(one, settings)),
    ...nics.flatMap(one => nicObjects(one, settings, new Map())),
  ]);
}

/** What others have on the same node: by protocol, by preference, by table. */
const foreign: readonly KernelObject[] = [
  { kind: 'rule', family: 4, preference: 910, fwmark: 9, action: { do: 'lookup', table: 9 }, protocol: 2 },
  { kind: 'rule', family: 6, preference: 901, fwmark: 9, action: { do: 'lookup', table: 9 }, protocol: 4 },
];

test('what is there already needs nothing', () => {
  fc.assert(fc.property(wanted, objects => assert.deepEqual(plan(objects, objects, identity).steps, [])));
});

test('from anything to anything: what is wanted is there, and nothing else of ours, and others keep theirs', () => {
  fc.assert(
    fc.property(wanted, wanted, (before, desired) => {
      const observed = [...before, ...foreign];
      const after = carriedOut(observed, plan(observed, desired, identity));
      const found = byKey(after);
      for (const object of desired)
        assert.equal(contentOf(found.get(keyOf(object)) ?? assert.fail(keyOf(object))), contentOf(object));
      const keys = new Set(desired.map(keyOf));
      assert.deepEqual(
        after.filter(object => isOurs(object, identity) && !keys.has(keyOf(object))),
        [],
      );
      for (const object of foreign) assert.deepEqual(found.get(keyOf(object)), object);
      assert.deepEqual(plan(after, desired, identity).steps, []);
    }),
  );
});

test('the way back leads to what was before', () => {
  fc.assert(
    fc.property(wanted, wanted, (desired, was) => {
      const before = [...was, ...foreign];
      const now = carriedOut(before, plan(before, desired, identity));
      const back = carriedOut(now, plan(now, before, identity));
      // What is a setting for us had a value before, of which `was` may not know.
      const ours = (object: KernelObject) => !['sysctl', 'link-setting'].includes(object.kind);
      assert.deepEqual(texts(back.filter(ours)), texts(before.filter(ours)));
      for (const object of was)
        assert.equal(contentOf(byKey(back).get(keyOf(object)) ?? assert.fail()), contentOf(object));
    }),
  );
});

test('what is rendered has no character that ip or nft could take for more than a word', () => {
  fc.assert(
    fc.property(wanted, wanted, (before, desired) => {
      for (const batch of render(plan(before, withRuleTexts(desired, desired), identity).steps))
        for (const { text, steps } of batch.lines) {
          assert.match(
            text,
            batch.tool === 'nft' ? /^[A-Za-z0-9_.@+:/"{},;!=<&|#() -]+$/ : /^[A-Za-z0-9_.@+:/= -]+$/,
          );
          assert.ok(steps.length > 0);
        }
    }),
  );
});

test('every step is in a line, whatever the order in which the steps come', () => {
  fc.assert(
    fc.property(wanted, wanted, fc.integer(), (before, desired, seed) => {
      const { steps } = plan(before, desired, identity);
      const shuffled = [...steps].sort((a, b) => hash(keyOf(a.object), seed) - hash(keyOf(b.object), seed));
      const lines = render(shuffled).flatMap(batch => batch.lines);
      const covered = new Set(lines.flatMap(line => line.steps).map(step => keyOf(step.object)));
      const tables = new Set(
        steps.flatMap(step =>
          step.op === 'delete' && step.object.kind === 'nft-table' ? [step.object.family] : [],
        ),
      );
      for (const { object } of steps)
        if (!('family' in object && object.kind !== 'rule' && tables.has(object.family)))
          assert.ok(covered.has(keyOf(object)), keyOf(object));
    }),
  );
});

test('what is rendered for a bare node is read back as it was wanted', () => {
  fc.assert(
    fc.property(wanted, desired => {
      const state = emptyState();
      for (const name of new Set(desired.flatMap(linksOf))) {
        const ifname = parseIfname(name, 'property');
        addLink(
          state,
          ifname,
          name === 'br0' ? 'bridge' : 'tun',
          parseMac('02:00:00:00:00:01', 'property'),
        ).up = !name.startsWith('tap');
      }
      for (const batch of render(plan([], desired, identity).steps)) {
        const lines = batch.lines.map(line => line.text);
        if (batch.tool === 'nft') nftTransaction(state, lines);
        else if (batch.tool === 'ovs') ovsTransaction(state, lines);
        else for (const line of lines) carryOut(state, batch.tool, line);
      }
      const all = { links: 'all' as const, routes: [{ family: 4 as const }, { family: 6 as const }] };
      const rest = {
        proxies: [{ protocol: 118 }],
        sysctls: [...state.sysctls.keys()],
        rules: true,
        nft: NFT_FAMILIES.map(family => ({ family })),
        fdb: nicsTaps(desired),
      };
      const found = observe(state, { ...all, ...rest }).objects;
      assert.deepEqual(plan(found, desired, identity).steps, []);
    }),
  );
});

function nicsTaps(objects: readonly KernelObject[]) {
  return objects.flatMap(object => (object.kind === 'fdb-entry' ? [object.ifname] : []));
}

function carryOut(
  state: ReturnType<typeof emptyState>,
  tool: 'ip' | 'ip6' | 'bridge' | 'sysctl',
  line: string,
): void {
  const [path = '', value = ''] = line.split('=');
  if (tool === 'bridge') bridgeLine(state, line);
  else if (tool === 'sysctl') setSysctl(state, path, value);
  else ipLine(state, line, tool === 'ip6' ? 6 : 4);
}

function linksOf(object: KernelObject): readonly string[] {
  if (object.kind === 'link-setting')
    return [object.ifname, ...(object.setting === 'master' && object.value !== 'none' ? [object.value] : [])];
  if (object.kind === 'route' || object.kind === 'proxy-neighbour')
    return object.dev === undefined ? [] : [object.dev];
  return [];
}

function carriedOut(objects: readonly KernelObject[], { steps }: Plan): readonly KernelObject[] {
  return steps.reduce(applied, objects);
}

function unique(objects: readonly KernelObject[]): readonly KernelObject[] {
  return [...byKey(objects).values()];
}

function texts(objects: readonly KernelObject[]): readonly string[] {
  return objects.map(object => `${keyOf(object)} ${contentOf(object)}`).sort();
}

function hash(text: string, seed: number): number {
  let value = seed;
  for (const character of text) value = (Math.imul(value, 31) + character.charCodeAt(0)) | 0;
  return value;
}
