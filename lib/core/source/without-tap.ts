import type { NicRequest } from '../model/request.ts';

/** A NIC whose tap nobody has named yet. */
export type NicRequestWithoutTap = Omit<NicRequest, 'ifname'>;

export function withoutTap({ ifname: _, ...request }: NicRequest): NicRequestWithoutTap {
  return request;
}
