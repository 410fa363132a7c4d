/** What tests and benchmarks use of the published gstwebrtc-api as a producer, in pages that have loaded it. */
export {};

declare global {
  var GstWebRTCAPI: new (
    config: object,
  ) => {
    registerConnectionListener(listener: object): boolean;
    createProducerSession(stream: MediaStream): EventTarget & { start(): boolean };
  };
}
