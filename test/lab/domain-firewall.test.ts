// The tests of test/netns/firewall.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/firewall.test.ts');
