// The tests of test/netns/attach.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/attach.test.ts');
