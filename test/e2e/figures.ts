import { appendFileSync } from 'node:fs';

/** The figures go to the file that the run names; they are printed at its end. */
export function figure(line: string): void {
  const file = process.env.VMNET_E2E_FIGURES;
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

export function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
