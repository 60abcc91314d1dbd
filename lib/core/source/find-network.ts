import type { Config, NetworkSection } from '../model/config.ts';

/** The section of a NIC's network: by the network's name, then by what the cluster calls its link. */
export function findNetwork(
  config: Config,
  { name, link }: { readonly name?: string; readonly link?: string },
): NetworkSection | undefined {
  const named = name === undefined ? undefined : config.networks.find(network => network.name === name);
  if (named !== undefined || link === undefined) return named;
  return config.networks.find(network => network.link === link);
}
