export const ENV: Record<string,string|undefined> = (globalThis as any).process?.env ?? {};
