"""What happens: the agent-based model of smuggling routes."""
