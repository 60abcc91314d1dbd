// Where the connections of bridged packets are followed.
import '../netns/firewall-bridged.test.ts';
