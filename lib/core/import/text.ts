import type { Imported, ImportedSection } from './scene.ts';

/** The file; `more` are comments at its end. */
export function importText({ sections, left }: Imported, more: readonly string[] = []): string {
  return [
    '; The network of this host as it runs, by vmnet host import. What vmnet has no words for is in the comments.\n',
    ...sections.map(sectionText),
    ...(left.length === 0 ? [] : [`; Not in this file:\n${left.map(line => `; ${line}\n`).join('')}`]),
    ...(more.length === 0
      ? []
      : [`; vmnet host up would change:\n${more.map(line => `; ${line}\n`).join('')}`]),
  ].join('\n');
}

function sectionText({ kind, name, keys, notes }: ImportedSection): string {
  return [
    `[${kind} ${name}]`,
    ...keys.map(([key, value]) => `${key} = ${value}`),
    ...notes.map(note => `# ${note}`),
    '',
  ].join('\n');
}
