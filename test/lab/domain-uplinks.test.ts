// The tests of test/netns/uplinks.test.ts, with both uplinks in one VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/uplinks.test.ts');
