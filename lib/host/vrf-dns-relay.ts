import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Address } from '../core/model/address.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { enterVrf } from './vrf-enter.ts';

const DNS = 53;
const ANSWER_MS = 10_000;

/**
 * Answers at `listen` outside of all VRFs with what the forwarder in the VRF says, which listens at `stub` there. A
 * socket stays where it was made: the listening ones are made before this process enters the VRF, and those to the stub
 * after that. Runs until it is ended.
 */
export async function relayDns(name: Ifname, listen: Address, stub: Address): Promise<never> {
  const type = listen.family === 4 ? 'udp4' : 'udp6';
  const datagrams = createSocket(type);
  datagrams.bind(DNS, listen.text);
  const streams = createServer().listen(DNS, listen.text);
  await Promise.all([once(datagrams, 'listening'), once(streams, 'listening')]);
  await enterVrf(name, process.pid);
  const stubType = stub.family === 4 ? 'udp4' : 'udp6';
  datagrams.on('message', (query, client) => {
    const asking = createSocket(stubType);
    const timer = setTimeout(() => asking.close(), ANSWER_MS);
    asking.on('close', () => clearTimeout(timer));
    // Who asked asks again, as after any loss on the way.
    asking.on('error', () => asking.close());
    asking.on('message', answer => {
      datagrams.send(answer, client.port, client.address);
      asking.close();
    });
    asking.connect(DNS, stub.text, () => asking.send(query));
  });
  streams.on('connection', client => {
    const server = connect(DNS, stub.text);
    client.setTimeout(ANSWER_MS, () => client.destroy());
    client.on('error', () => server.destroy()).on('close', () => server.destroy());
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(server).pipe(client);
  });
  return new Promise<never>(() => undefined);
}
