// Sends many frames at once, and says which frames a link has carried, byte for byte.
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { argvInside, inside, PATH, type Place } from '../support/command.ts';

export interface Watch {
  /** Waits until the frame has passed; an error after 2 s. */
  until(holds: (frame: Buffer) => boolean): Promise<void>;
  /** Ends it; the frames that passed, in order. */
  stop(): Promise<readonly Buffer[]>;
}

/** Watches what comes in or goes out. Unlike a line of tcpdump, the frames say everything. Listens when it returns. */
export async function watch(place: Place, ifname: string, direction: 'in' | 'out'): Promise<Watch> {
  const options = ['-i', ifname, '-Q', direction, '-w', '-', '-U', '--immediate-mode'];
  const [file = '', ...args] = argvInside(place, ['tcpdump', ...options]);
  const child = execa(file, args, { reject: false, env: { PATH }, stdin: 'ignore', encoding: 'buffer' });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  // It writes the head of the file when it listens.
  for (const end = Date.now() + 5000; Buffer.concat(chunks).length < FILE_HEAD; await sleep(5)) {
    if (Date.now() > end) throw new Error(`tcpdump does not listen on ${ifname} in ${place.ns}`);
  }
  const frames = () => parse(Buffer.concat(chunks));
  return {
    until: async holds => {
      for (const end = Date.now() + 2000; !frames().some(holds); await sleep(10)) {
        if (Date.now() > end) throw new Error(`a frame has not arrived on ${ifname} in ${place.ns}`);
      }
    },
    stop: async () => {
      await sleep(50);
      child.kill('SIGINT');
      await child;
      return frames();
    },
  };
}

const FILE_HEAD = 24;
const FRAME_HEAD = 16;

/** The frames of a pcap file, which may end in the middle of one. */
function parse(file: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = FILE_HEAD; at + FRAME_HEAD <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const end = at + FRAME_HEAD + length;
    if (end > file.length) break;
    frames.push(file.subarray(at + FRAME_HEAD, end));
    at = end;
  }
  return frames;
}

export interface Arrived {
  has(frame: Buffer): boolean;
  /** Frames that carry the mark, wherever it is in them. */
  count(mark: Buffer): number;
}

/** Sends the frames from the VM's side, and says what had arrived here and there when `last` had. */
export async function shoot(
  vm: Place,
  frames: readonly Uint8Array[],
  last: Uint8Array,
  [here, there]: readonly [Watch, Watch],
): Promise<readonly [Arrived, Arrived]> {
  await sendFrames(vm, 'eth0', [...frames, last]);
  // A router changes what is in front of it.
  const tail = Buffer.from(last).subarray(-TAIL);
  const end = async ({ until, stop }: Watch) => {
    await until(frame => frame.includes(tail));
    return arrived(await stop());
  };
  return Promise.all([end(here), end(there)]);
}

/** The UDP header, with ports that no other frame has, and ten bytes. */
const TAIL = 18;

function arrived(frames: readonly Buffer[]): Arrived {
  const known = new Set(frames.map(frame => frame.toString('hex')));
  return {
    has: frame => known.has(frame.toString('hex')),
    count: mark => frames.filter(frame => frame.includes(mark)).length,
  };
}

/** One process sends them all, a millisecond apart. */
export async function sendFrames(place: Place, ifname: string, frames: readonly Uint8Array[]): Promise<void> {
  const input = frames.map(frame => `${Buffer.from(frame).toString('hex')}\n`).join('');
  const { exitCode, stderr } = await inside(place, ['perl', '-e', SEND_FRAMES, ifname], { input });
  if (exitCode !== 0) throw new Error(`cannot send frames on ${ifname}: ${stderr.trim()}`);
}

/** AF_PACKET is 17, SOCK_RAW 3, SIOCGIFINDEX 0x8933; perl-base has no module that knows them. */
const SEND_FRAMES = `
  socket(my $s, 17, 3, 0) or die "socket: $!";
  my $request = pack("a16 x24", $ARGV[0]);
  ioctl($s, 0x8933, $request) or die "$ARGV[0]: $!";
  my $to = pack("S n l S C C a8", 17, 0, unpack("x16 l", $request), 0, 0, 6, "");
  while (<STDIN>) {
    chomp;
    defined send($s, pack("H*", $_), 0, $to) or die "send: $!";
    select(undef, undef, undef, 0.001);
  }
`;
