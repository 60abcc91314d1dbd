import { VmnetError } from '../core/errors.ts';
import type { Session, Unconfirmed } from '../core/model/unconfirmed.ts';

/** Why a change that is to be confirmed cannot begin: one at a time, or a confirmation would be of two. */
export function refuseSecond(pending: Unconfirmed | undefined, boot: string): void {
  if (pending === undefined || pending.state === 'undone') return;
  const hint =
    pending.state === 'armed' && pending.boot === boot
      ? 'vmnet confirm keeps it, vmnet confirm --undo takes it back'
      : 'vmnet confirm --undo takes it back, vmnet confirm --force forgets it';
  throw new VmnetError('busy', `an earlier change is not confirmed yet, until ${pending.until}`, { hint });
}

/**
 * Why somebody cannot confirm a change. The session that has made it proves nothing: what it had open goes on over
 * connections that are made already. A session of another connection that began later has come in by the new network.
 * At a console nobody depends on it.
 */
export function confirmRefusal(
  pending: Unconfirmed | undefined,
  session: Session,
  boot: string,
): VmnetError | undefined {
  if (pending === undefined)
    return new VmnetError('request', 'there is nothing to confirm', {
      hint: 'it was confirmed already, or no change asked for it',
    });
  if (pending.state !== 'armed' || pending.boot !== boot)
    return new VmnetError('request', 'it is too late: nobody has confirmed the change in time', {
      hint: 'make it again, or forget it with vmnet confirm --force',
    });
  if (session.connection === undefined) return undefined;
  if (session.connection !== pending.connection && session.since >= pending.uptime) return undefined;
  return new VmnetError('request', 'this session was there before the change and proves nothing', {
    hint: 'open a new connection and confirm there; or vmnet confirm --force',
  });
}

/** Whether a dead man who wakes up is to act: not on what was confirmed, or is somebody else's by now. */
export function isHis(pending: Unconfirmed | undefined, id: string): boolean {
  return pending?.state === 'armed' && pending.id === id;
}
