import { VmnetError } from '../core/errors.ts';
import { FAMILIES, parseAddress } from '../core/model/address.ts';
import type { Ifname } from '../core/model/ifname.ts';
import {
  type CgroupDevice,
  type Finding,
  type GatewayAnswer,
  verifyCgroups,
  verifyDns,
  verifyGateways,
  verifyProcess,
  verifyRouting,
} from '../core/vrf/verify.ts';
import type { Vrf } from '../core/vrf/world.ts';
import { probe } from './probe.ts';
import { askServers, readDnsPlan } from './vrf-dns.ts';
import { toolPath, tryVrf } from './vrf-exec.ts';
import { CGROUP_PROGRAM } from './vrf-program.ts';
import { cgroupsOf, outputOf, processesIn, readVrf } from './vrf-world.ts';

/** Looks at everything that a VRF needs to work; with `repair`, cgroups with an old program get a new one before. */
export async function verifyVrf(name: Ifname, repair: boolean): Promise<readonly Finding[]> {
  const { world, vrf } = await readVrf(name);
  const { stubs, servers } = await readDnsPlan(vrf, []);
  // Before the trial, which would mend the cgroup of this very process.
  const cgroups = await cgroupDevices(name, repair);
  const error = boundError(name);
  const asked = stubs.length > 0 ? stubs : servers.map(({ address }) => address);
  const [gateways, answers] = await Promise.all([
    askGateways(vrf),
    error === undefined ? askServers(name, asked) : [],
  ]);
  return [
    ...verifyRouting(
      world,
      vrf,
      stubs.map(({ text }) => text),
    ),
    verifyProcess(vrf, error),
    ...verifyCgroups(vrf, cgroups),
    ...verifyGateways(gateways),
    ...verifyDns(vrf, answers),
  ];
}

function boundError(name: Ifname): string | undefined {
  try {
    tryVrf(name);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof VmnetError) return thrown.message;
    throw thrown;
  }
}

async function cgroupDevices(name: Ifname, repair: boolean): Promise<readonly CgroupDevice[]> {
  const paths = await cgroupsOf(name);
  if (paths.length === 0) return [];
  const args = ['-e', CGROUP_PROGRAM, '--', name, repair ? 'repair' : 'look', toolPath('ip'), ...paths];
  const stdout = await outputOf('perl', args, { doing: `entering the cgroups of ${name}` });
  return stdout.split('\n').flatMap(line => {
    const space = line.indexOf(' ');
    if (space < 0) return [];
    const path = line.slice(space + 1);
    return [{ path, device: line.slice(0, space), processes: processesIn([path]).length }];
  });
}

async function askGateways(vrf: Vrf): Promise<readonly GatewayAnswer[]> {
  const asked = FAMILIES.flatMap(family =>
    vrf.defaults[family].flatMap(({ gateway, dev }) => {
      const port = vrf.ports.find(({ name }) => name === dev);
      if (gateway === undefined || port === undefined) return [];
      const own = port.addresses.find(one => one.family === 4);
      const source = family === 4 && own !== undefined ? { arpSource: { family, text: own.text } } : {};
      return [{ dev: port.name, mac: port.mac, address: parseAddress(gateway, port.name), ...source }];
    }),
  );
  if (asked.length === 0) return [];
  const { claims, failed } = await probe(asked);
  return asked.map(question => {
    const claim = claims.find(one => one.probe === question);
    const unasked = failed.find(line => line.startsWith(`${question.dev}: `));
    return {
      family: question.address.family,
      gateway: question.address.text,
      dev: question.dev,
      ...(claim === undefined ? {} : { mac: claim.mac }),
      ...(unasked === undefined || claim !== undefined ? {} : { unasked }),
    };
  });
}
