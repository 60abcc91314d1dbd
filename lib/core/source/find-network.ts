import type { Config, NetworkSection } from '../model/config.ts';
import type { NicMode } from '../model/request.ts';

/**
 * The section of a NIC's network: by the network's name, then by what the cluster calls its link. A table and a bridge
 * may have one name, so by the link it is no section of the other mode.
 */
export function findNetwork(
  config: Config,
  { name, link, mode }: { readonly name?: string; readonly link?: string; readonly mode?: NicMode },
): NetworkSection | undefined {
  const named = name === undefined ? undefined : config.networks.find(network => network.name === name);
  if (named !== undefined || link === undefined) return named;
  return config.networks.find(
    network => network.link === link && (mode ?? network.mode) === (network.mode ?? mode),
  );
}
