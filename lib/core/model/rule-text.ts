// A rule in the words of `ip`.
import type { Rule } from './object.ts';

export function selectorOf(rule: Rule): string {
  return [
    `from ${rule.from?.text ?? 'all'}`,
    ...(rule.to === undefined ? [] : [`to ${rule.to.text}`]),
    ...(rule.fwmark === undefined ? [] : [`fwmark ${rule.fwmark}`]),
    ...(rule.iif === undefined ? [] : [`iif ${rule.iif}`]),
    ...(rule.udpPort === undefined ? [] : [`ipproto udp dport ${rule.udpPort}`]),
  ].join(' ');
}

/**
 * To look up another table for the same source, or the same server, is another rule: a VRF that goes leaves that of the one
 * that comes alone.
 */
export function tableOfSelector({ from, udpPort, action }: Rule): string {
  return (from !== undefined || udpPort !== undefined) && action.do === 'lookup'
    ? ` lookup ${action.table}`
    : '';
}

export function actionOf(rule: Rule): string {
  const action = rule.action;
  if (action.do === 'lookup') return `lookup ${action.table}`;
  if (action.do === 'goto') return `goto ${action.preference}`;
  return action.do;
}
