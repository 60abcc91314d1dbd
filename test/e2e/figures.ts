import { appendFileSync } from 'node:fs';

/** The figures go to the file that the run names; they are printed at its end. */
export function figure(line: string): void {
  const file = process.env.VMNET_E2E_FIGURES;
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

/** What vmnet may take of a migration, of what it takes for an attach alone. */
const BOUND = 1.5;

export function ratio(ours: number, attach: number): string {
  const times = ours / attach;
  return `${times.toFixed(2)} x an attach alone (${ms(attach)}), bound ${BOUND}: ${times <= BOUND ? 'ok' : 'OVER'}`;
}

export function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
