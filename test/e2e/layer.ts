// The files of a node: this machine's own, and over them a layer with Ganeti, QEMU and a guest, made once by apt.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../support/command.ts';

const CACHE = join(import.meta.dirname, '../../.cache/e2e');
const BUILDER = join(import.meta.dirname, 'build-layer.sh');
const GUEST = join(import.meta.dirname, 'guest-init.sh');
const PACKAGES = [
  ...['ganeti', 'openssh-server', 'qemu-system-x86', 'busybox-static'],
  ...['libvirt-daemon-system', 'libvirt-clients'],
  ...['kmod', 'nftables', 'iproute2', 'procps'],
];

/** Path of the packed layer. It is made anew when what it is made of changes: our scripts, this machine's packages. */
export async function layer(): Promise<string> {
  const hash = createHash('sha256').update(PACKAGES.join(' '));
  for (const file of [BUILDER, GUEST, '/var/lib/dpkg/status']) hash.update(readFileSync(file));
  const name = `layer-${hash.digest('hex').slice(0, 16)}.tar`;
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  for (const old of readdirSync(CACHE)) if (old.startsWith('layer-')) rmSync(join(CACHE, old));
  console.log(`e2e: building the nodes' files with apt-get (once): ${PACKAGES.join(' ')}`);
  const scratch = mkdtempSync(join(tmpdir(), 'vmt-layer-'));
  try {
    await must(['unshare', '--mount', '--propagation', 'private', BUILDER, scratch, path, ...PACKAGES], {
      timeoutMs: 600_000,
    });
  } finally {
    rmdirSync(scratch);
  }
  return path;
}
