// Who may write what root reads decides what root does.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { loadConfig } from '../../lib/host/files.ts';
import { checkNicFiles } from '../../lib/host/nic-files.ts';

const root = mkdtempSync(join(tmpdir(), 'vmnet-files-'));
after(() => rmSync(root, { recursive: true }));
const isRoot = process.geteuid?.() === 0;
let dir = '';

const FILES = {
  'vmnet.ini': '[network lan]\nmode = bridged\nlink = br0\n',
  'conf.d/more.ini': '[network more]\nmode = bridged\nlink = br1\n',
  'firewall.d/web.nft': 'tcp dport 80 accept\n',
  'nics.d/tap0.ini': '[nic]\nnetwork = lan\nmac = aa:00:00:35:6d:01\n',
};
const PLACES = [...Object.keys(FILES), 'conf.d', 'firewall.d', 'nics.d'];

beforeEach(() => {
  dir = mkdtempSync(join(root, 'etc-'));
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(dir, name, '..'), { recursive: true, mode: 0o755 });
    writeFileSync(join(dir, name), text, { mode: 0o644 });
  }
});

function load(): void {
  const path = join(dir, 'vmnet.ini');
  checkNicFiles(loadConfig(path, new Map()), path);
}

interface Rights {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

function give(name: string, { mode, uid = 0, gid = 0 }: Rights): void {
  if (isRoot) chownSync(join(dir, name), uid, gid);
  chmodSync(join(dir, name), mode);
}

const REFUSED: readonly (readonly [string, Rights])[] = [
  ['everybody', { mode: 0o757 }],
  ['a group', { mode: 0o775, gid: 4242 }],
  ['another user', { mode: 0o755, uid: 4242 }],
];

for (const place of PLACES) {
  describe(place, () => {
    test('that only root may write is read', () => {
      for (const rights of [{ mode: 0o755 }, { mode: 0o775 }, { mode: 0o755, gid: isRoot ? 4242 : 0 }]) {
        give(place, rights);
        load();
      }
    });

    for (const [whose, rights] of REFUSED) {
      const skip = isRoot || rights.mode === 0o757 ? false : 'needs root';
      test(`that ${whose} may write is refused`, { skip }, () => {
        give(place, rights);
        assert.throws(load, (error: unknown) => {
          assert.ok(error instanceof VmnetError, String(error));
          assert.deepEqual([error.exit, error.where], ['config', join(dir, place)]);
          assert.match(error.hint ?? '', /^ch(mod|own) /);
          return true;
        });
      });
    }
  });
}
