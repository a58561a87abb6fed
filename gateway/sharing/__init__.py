"""What the owner shares: answers, policy documents, and the centre's decision."""
