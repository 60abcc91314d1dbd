// What two states differ in, as a diff has it: an assertion about a whole kernel that fails shall be readable.

export interface State {
  readonly kernel: readonly string[];
  readonly records: Readonly<Record<string, string>>;
}

export function differences(found: State, wanted: State): readonly string[] {
  const lines = (state: State) => [
    ...state.kernel,
    ...Object.entries(state.records).map(([name, text]) => `record ${name} ${text}`),
  ];
  const [a, b] = [lines(found), lines(wanted)];
  return [
    ...a.filter(line => !b.includes(line)).map(line => `+ ${line}`),
    ...b.filter(line => !a.includes(line)).map(line => `- ${line}`),
  ];
}
