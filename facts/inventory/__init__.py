"""The inventory (libvirt): what runs on each hypervisor."""
