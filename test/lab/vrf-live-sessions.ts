// Sessions of the client to the host, which must not notice that its port joins a VRF.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside, type Place } from '../support/command.ts';
import { client, directory, HOST, perl, startIn } from './vrf-live-scene.ts';

const CONNECT = `
  my ($port, $to, $file, $dev) = @ARGV;
  my $v6 = $to =~ /:/;
  socket(my $s, $v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die;
  setsockopt($s, SOL_SOCKET, 25, $dev) or die "bind $!" if $dev;
  $SIG{ALRM} = sub { die 'silence' };
  alarm 8;
  my $packed = inet_pton($v6 ? AF_INET6 : AF_INET, $to);
  connect($s, $v6 ? pack_sockaddr_in6($port, $packed) : pack_sockaddr_in($port, $packed)) or die "connect $!";`;

/** Says something, and hears it: the exit code says whether. */
const ASK = `${CONNECT} syswrite($s, 'x'); exit(sysread($s, my $x, 1) ? 0 : 1);`;

/** Goes on until it is ended, or nothing is heard for half a minute; the file has how often, and the longest silence. */
const TALK = `${CONNECT}
  my ($n, $gap, $last) = (0, 0, time);
  while (1) {
    alarm 30;
    syswrite($s, 'x') && sysread($s, my $x, 1) or last;
    my $now = time;
    $gap = $now - $last if $now - $last > $gap;
    ($last, $n) = ($now, $n + 1);
    open my $f, '>', "$file.new"; print $f "$n $gap"; close $f; rename "$file.new", $file;
    sleep 0.02;
  }
  unlink $file;`;

export async function asks(place: Place, to: string, dev = ''): Promise<boolean> {
  return (await inside(place, perl(ASK, to, '', dev))).exitCode === 0;
}

export interface Session {
  /** How often it was heard of, and the longest silence in seconds. */
  read(): { readonly heard: number; readonly gap: number };
}

/** Sessions from the client to both addresses of the host. */
export async function openSessions(): Promise<readonly Session[]> {
  const sessions = HOST.map((address, index) => {
    const file = join(directory, `session-${index}`);
    startIn(client, perl(TALK, address, file, ''));
    return {
      read: () => {
        const [heard = 0, gap = 0] = readFileSync(file, 'utf8').split(' ').map(Number);
        return { heard, gap };
      },
    };
  });
  await sleep(500);
  for (let turn = 0; turn < 40 && !sessions.every(isThere); turn += 1) await sleep(100);
  return sessions;
}

function isThere(session: Session): boolean {
  try {
    return session.read().heard > 0;
  } catch {
    return false;
  }
}

/** That both go on from here. */
export async function goOn(sessions: readonly Session[]): Promise<void> {
  const before = sessions.map(session => session.read().heard);
  for (let turn = 0; turn < 100; turn += 1) {
    if (sessions.every((session, index) => session.read().heard > (before[index] ?? 0) + 3)) return;
    await sleep(100);
  }
  assert.fail(`the sessions hang: ${JSON.stringify(sessions.map(session => session.read()))}`);
}
