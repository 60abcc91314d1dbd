// The project's own files, found by walking: a copy of the tree without its history is checked the same.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const NOT_OURS = new Set(['.git', '.cache', 'node_modules', 'dist', 'coverage']);
const MAX_LINES = 250;

/** Paths of the shell scripts under `root`, known by their first line or their name. */
export function shellFiles(root: string): string[] {
  return sourceFiles(root).filter(
    path => path.endsWith('.sh') || /^#!.*\b(ba|da)?sh\b/.test(firstLine(path)),
  );
}

/** One line for each source file of more than 250 lines. */
export function longFiles(root: string): string[] {
  return sourceFiles(root)
    .filter(path => path.endsWith('.ts') || shebang(path))
    .map(path => ({ path, lines: readFileSync(path, 'utf8').trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${relative(root, path)}: ${lines} lines, and ${MAX_LINES} are the most`);
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter(entry => !NOT_OURS.has(entry.name))
    .flatMap(entry => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return sourceFiles(path);
      return entry.isFile() ? [path] : [];
    });
}

function shebang(path: string): boolean {
  return firstLine(path).startsWith('#!');
}

function firstLine(path: string): string {
  return readFileSync(path, 'utf8').split('\n', 1)[0] ?? '';
}
