// The tests of test/netns/undo.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/undo.test.ts');
