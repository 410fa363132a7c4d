/** The one format in which raw audio crosses threads: 32-bit float, interleaved, so that every encoder finds the same. */
export const RAW_SAMPLE_RATE = 48_000;
export const RAW_CHANNELS = 2;
