/** Where the lab has its test files, each in one piece. */
export const BUNDLES = '.cache/lab/tests';
