"""The agents on site: pairing, the link, key sets and delivery of policy documents."""
